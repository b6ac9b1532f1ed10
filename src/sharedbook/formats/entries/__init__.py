"""A contact by columns, and its way into a card and back: what imports, exports and edits speak of."""
