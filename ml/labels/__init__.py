"""Labels: numbers known only later, each with the moment from which it is known."""
