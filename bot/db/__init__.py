"""Tables, encryption and transactions: the only package that speaks SQL."""
