"""Who does what when something has happened."""
