"""The database's history, one file a step. Runs while the old version is still up: add first, take away later."""
