"""What is drawn and told of runs, from their directories alone."""
