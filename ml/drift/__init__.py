"""Whether the world of a champion's last months is still the one it learnt, and whether what it said came as often as it said."""
