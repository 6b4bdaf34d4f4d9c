"""The name of a grant's binding, the same whenever and by whomever it is worked out."""


def binding_name(installation: str, grant: str) -> str:
    """Name the binding of a grant: two installations can't meet at one name.

    An example is `valetkey-abcdefgh-gra-...`: the first 8 characters of the installation's random
    part, then the grant's id. At most 50 characters, valid for a RoleBinding and as a label.
    """
    return f"valetkey-{installation.split('-', 1)[-1][:8]}-{grant}"
