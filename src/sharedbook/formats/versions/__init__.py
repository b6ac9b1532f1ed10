"""A card in another version or in part, and what comes back from it patched into the stored one."""
