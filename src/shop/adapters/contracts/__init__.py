"""The promises of each port as a test suite that the author of any adapter can run against it."""
