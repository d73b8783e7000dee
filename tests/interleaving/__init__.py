"""Writing use cases in pairs: two transactions on PostgreSQL, switched after each statement, against both serial orders."""
