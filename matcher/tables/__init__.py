"""Tables: whose rows, whose ids.

`enrol` writes the indexes of a cohort or release, `ids` and `rows` are the matchers, `tokens` finds what may be an id,
`id_space` says how likely chance is, `cells` makes values comparable, `row_index` keeps them, `linkage` weighs them.
"""
