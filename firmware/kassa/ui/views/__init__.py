"""How each screen looks: a view puts a screen's parts on a page, from plain facts."""
