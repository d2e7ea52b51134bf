"""Trades that decisions on past bars would have led to: rules, fills, costs, sizes, equity, performance."""
