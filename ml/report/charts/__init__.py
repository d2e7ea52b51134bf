"""Small SVG charts that take their colours from the page, so that they are right in light and dark."""
