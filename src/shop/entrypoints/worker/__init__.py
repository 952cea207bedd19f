"""The worker: takes events to those who wait for them, and does what is due."""
