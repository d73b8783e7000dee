"""The database migrations, one file each. The previous version may still be running: add first, remove later."""
