"""What must be told to whom, as rows of the transaction that made it true."""
