def burgers_residual(u, nu, dx, dt):
    """u : (n,)   nu, dx, dt : floats"""
    un = u.copy()
    un[1:-1] = (
        u[1:-1]
        - u[1:-1] * dt / dx * (u[1:-1] - u[:-2])
        + nu * dt / dx**2 * (u[2:] - 2 * u[1:-1] + u[0:-2])
    )
    un[0] = 0
    un[-1] = un[-2]
    return un
