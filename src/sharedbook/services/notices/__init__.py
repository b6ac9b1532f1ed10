"""What postmasters are told without asking, and how it leaves the house."""
