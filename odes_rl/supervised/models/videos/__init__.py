"""Models of videos: stochastic video generation with a learned prior, and flows in its blocks."""
