"""Groups as postmasters keep them, and books as one viewer sees them: cards by href, and what changed."""
