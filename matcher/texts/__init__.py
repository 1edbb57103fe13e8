"""Texts: what a listing offers, which texts are copies of one another, and what a cohort's own documents look like.

`wording` makes two writings of one text equal, `listing` reads an offer, `families` ties copies together, `enrol`
writes what `offers` and `near_copies` (the matchers) compare with.
"""
