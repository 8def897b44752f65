"""Where facts come from: the local machine, a copied tree, or a recording, behind one protocol."""
