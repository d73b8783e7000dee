"""Content that clinicians sign: protocols and texts, read from files and refused if faulty."""
