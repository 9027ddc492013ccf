"""Network + model -> one readable Python file: lower, describe, render, stamp, write."""
