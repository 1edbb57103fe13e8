"""Looks for postings and files on the open web and keeps what it saw as evidence."""
