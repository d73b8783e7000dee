"""The stores in SQL: they implement the ports of the app, one module per group of nouns."""
