"""How fast, how far: run by `make bench`, each also alone as a module."""
