"""The web console: pages for triage, for the legal side and for auditors; `app` puts it together."""
