"""What is true of the SQL store alone: keys, files, threads, plans."""
