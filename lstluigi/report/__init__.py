"""What a production is and did: status, causes, cost, page, provenance, graphs, plots."""
