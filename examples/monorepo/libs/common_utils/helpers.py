def display_name(kind, number):
    return f'{kind} {number}'
