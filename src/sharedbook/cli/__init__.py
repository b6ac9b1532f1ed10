"""The command line: one file a noun; parse, call one service, print."""
