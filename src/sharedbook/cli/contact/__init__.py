"""``sharedbook contact``: its subcommands."""
