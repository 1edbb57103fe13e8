"""Ends a leak: cases, notices, approvals, deliveries and re-checks until every copy is gone."""
