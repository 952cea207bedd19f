"""HTML made safe by nh3."""
