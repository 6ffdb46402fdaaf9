"""Replicate behind the Provider seam, on its `replicate` package.

provider   `ReplicateProvider`: the seam's methods, each a few lines over the rest
api        the calls, by the package; what they raise is still foreign
faults     what went wrong, translated: the one table
catalog    the models offered, with their inputs
inputs     the exact input of a call, the reference image in it
standing   what Replicate says of a run, in the seam's words
listing    the run that a call became, found in the provider's list
outputs    reads the files that a run made
"""
