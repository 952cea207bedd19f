"""What a cart costs: which price applies, which tax, and the quote that adds them up."""
