"""Stand-ins that store and remember; each passes the same contract as what it replaces."""
