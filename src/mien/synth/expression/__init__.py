"""How a synthetic person makes each expression."""
