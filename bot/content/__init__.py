"""What clinicians sign: protocols and texts, read from files and refused when faulty."""
