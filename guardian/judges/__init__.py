"""Judge models behind OpenAI-compatible endpoints: how each is asked, and how its reply is read."""
