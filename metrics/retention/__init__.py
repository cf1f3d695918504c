"""How long each class of data is kept, how much there is of it, and what goes when."""
