"""The demo: a made-up biobank, its leaks and decoys, the sites that they stand on, and one walk over all of it.

cohort      5,000 made-up participants: genotypes with linkage, 30 fields
planting    what can be planted where, and the truth about it
leaks       leaks in the shapes of real ones; `decoys` are none, `shapes` the forms of both
sites/      a storefront, a server of GitHub's published REST contract, and klaus, all on loopback
settings    the workspace's settings; `commands` types cohortwatch's own commands
verdict     what was planted against what was found
run         all of it, in order
"""
