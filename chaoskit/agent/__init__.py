"""The program in the agent container: it does faults, proves them, and undoes them.

Standard library only: it runs in an image that holds nothing of ours but this package.
"""
