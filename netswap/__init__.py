"""netswap keeps a computer online over its backup link when the preferred one stops working."""

__version__ = "0.1.0"
