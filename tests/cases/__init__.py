"""What to differentiate in each file, and where; what is refused, and how."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator


@dataclass(frozen=True)
class Case:
    """A forward function, what to differentiate, and a value for every parameter."""

    file: str
    function: str
    wrt: tuple[str, ...]
    inputs: Callable[[Generator], dict[str, object]]
    shapes: tuple[str, ...] = ()
    or_refused: bool = False  # a refusal is an answer too
    needs: tuple[str, ...] = ()  # a library that has what a derivative is made of
    rtol: float = 2e-5
    step: float = 1e-4


@dataclass(frozen=True)
class Refusal:
    """A function that cannot be differentiated: the code, a piece of the message and its line."""

    file: str
    function: str
    code: str
    message: str
    line: int
    wrt: tuple[str, ...] = ()


def normal(rng: Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape)


def positive(rng: Generator, *shape: int) -> np.ndarray:
    return rng.uniform(0.5, 2.0, shape)


def away_from_zero(rng: Generator, *shape: int) -> np.ndarray:
    x = rng.standard_normal(shape)
    return x + 0.2 * np.sign(x)


def spd(rng: Generator, n: int) -> np.ndarray:
    """Symmetric, positive definite, well conditioned."""
    a = rng.standard_normal((n, n))
    return a @ a.T / n + np.eye(n)


CASES = [
    Case(
        "haversine.py",
        "haversine",
        ("lat1", "lon1", "lat2", "lon2"),
        lambda rng: dict(lat1=40.7, lon1=-74.0, lat2=51.5, lon2=-0.1),
    ),
    Case(
        "waves.py",
        "f",
        ("x", "t"),
        lambda rng: dict(x=normal(rng, 4), t=normal(rng, 4)),
    ),
    Case(
        "fc_relu_helpers.py",
        "affine_relu_affine",
        ("x", "w1", "b1", "w2", "b2"),
        lambda rng: dict(
            x=normal(rng, 4, 5),
            w1=normal(rng, 5, 3),
            b1=normal(rng, 3),
            w2=normal(rng, 3, 2),
            b2=normal(rng, 2),
        ),
    ),
    Case(
        "softmax_regression.py",
        "loss",
        ("W", "b"),
        lambda rng: dict(
            W=normal(rng, 4, 3),
            b=normal(rng, 3),
            X=normal(rng, 5, 4),
            y=np.array([0, 2, 1, 1, 0]),
            reg=0.1,
        ),
    ),
    Case(
        "svm_margins.py",
        "svm_loss_vectorized",
        ("W", "reg"),
        lambda rng: dict(
            W=normal(rng, 5, 4),
            X=normal(rng, 6, 5),
            y=np.array([1, 0, 3, 2, 2, 1]),
            reg=0.3,
        ),
    ),
    Case(
        "layernorm_axis.py",
        "ln",
        ("x", "gamma", "beta"),
        lambda rng: dict(
            x=normal(rng, 4, 6), gamma=normal(rng, 6), beta=normal(rng, 6)
        ),
    ),
    Case(
        "groupnorm.py",
        "groupnorm_forward",
        ("x", "gamma", "beta"),
        lambda rng: dict(
            x=normal(rng, 2, 4, 3, 2),
            gamma=normal(rng, 1, 4, 1, 1),
            beta=normal(rng, 1, 4, 1, 1),
            G=2,
        ),
    ),
    Case(
        "lstm_gates.py",
        "lstm_step",
        ("x", "prev_h", "prev_c", "Wx", "Wh", "b"),
        lambda rng: dict(
            x=normal(rng, 3, 4),
            prev_h=normal(rng, 3, 2),
            prev_c=normal(rng, 3, 2),
            Wx=normal(rng, 4, 8),
            Wh=normal(rng, 2, 8),
            b=normal(rng, 8),
        ),
    ),
    Case(
        "gru_cell.py",
        "gru",
        ("x", "h", "Wz", "Wr", "Wn", "Uz", "Ur", "Un"),
        lambda rng: dict(
            x=normal(rng, 3),
            h=normal(rng, 2),
            Wz=normal(rng, 2, 3),
            Wr=normal(rng, 2, 3),
            Wn=normal(rng, 2, 3),
            Uz=normal(rng, 2, 2),
            Ur=normal(rng, 2, 2),
            Un=normal(rng, 2, 2),
        ),
    ),
    Case(
        "attention_heads.py",
        "attend",
        ("Q", "K", "V"),
        lambda rng: dict(
            Q=normal(rng, 2, 3, 4), K=normal(rng, 2, 5, 4), V=normal(rng, 2, 5, 3)
        ),
    ),
    Case(
        "attention_einsum.py",
        "self_attention",
        ("x", "Wq", "Wk", "Wv"),
        lambda rng: dict(
            x=normal(rng, 4, 3),
            Wq=normal(rng, 3, 2),
            Wk=normal(rng, 3, 2),
            Wv=normal(rng, 3, 2),
        ),
    ),
    Case(
        "embedding_bag.py",
        "bag",
        ("table", "weights"),
        lambda rng: dict(
            table=normal(rng, 6, 3),
            weights=normal(rng, 2, 4),
            tokens=np.array([[0, 3, 3, 5], [1, 0, 1, 3]]),
        ),
    ),
    Case(
        "conv1x1.py",
        "conv1x1",
        ("x", "w", "b"),
        lambda rng: dict(
            x=normal(rng, 2, 3, 4, 4), w=normal(rng, 5, 3), b=normal(rng, 5)
        ),
    ),
    Case(
        "avg_pool_reshape.py",
        "avg_pool",
        ("x",),
        lambda rng: dict(x=normal(rng, 2, 2, 4, 6)),
    ),
    Case(
        "max_pool_reshape.py",
        "max_pool_forward_reshape",
        ("x",),
        lambda rng: dict(x=normal(rng, 2, 1, 4, 4)),
    ),
    Case(
        "dropout_seeded.py",
        "dropout",
        ("x",),
        lambda rng: dict(x=normal(rng, 4, 5), p=0.6, seed=3),
    ),
    Case(
        "dropout_generator.py",
        "net",
        ("x", "w"),
        lambda rng: dict(x=normal(rng, 4, 5), w=normal(rng, 5, 2)),
    ),
    Case(
        "neuron_sigmoid_circuit.py",
        "neuron",
        ("w0", "x0", "w1", "x1", "w2"),
        lambda rng: dict(w0=2.0, x0=-1.0, w1=-3.0, x1=-2.0, w2=-3.0),
    ),
    Case("staged_circuit.py", "f", ("x", "y"), lambda rng: dict(x=3.0, y=-4.0)),
    Case(
        "max_circuit.py",
        "circuit",
        ("x", "y", "z", "w"),
        lambda rng: dict(x=3.0, y=-4.0, z=2.0, w=-1.0),
    ),
    Case("reuse_everything.py", "g", ("x",), lambda rng: dict(x=0.7)),
    Case(
        "grad_name_taken.py",
        "step",
        ("x", "grad_x", "dx"),
        lambda rng: dict(x=normal(rng, 4), grad_x=normal(rng, 4), dx=0.1),
    ),
    Case(
        "shadowed_builtins.py",
        "weighted",
        ("sum", "max", "len"),
        lambda rng: dict(sum=normal(rng, 3), max=normal(rng, 3), len=2.5),
    ),
    Case(
        "np_is_a_number.py",
        "total",
        ("np", "zeros_like"),
        lambda rng: dict(np=1.5, zeros_like=-0.4),
    ),
    Case(
        "kwonly_options.py",
        "robust",
        ("x", "scale", "power"),
        lambda rng: dict(x=positive(rng, 5), scale=1.7, power=1.3),
    ),
    Case(
        "positional_only.py",
        "lerp",
        ("a", "b", "t"),
        lambda rng: dict(a=normal(rng, 3), b=normal(rng, 3), t=0.3),
    ),
    Case(
        "annotated.py",
        "energy",
        ("pos", "charge", "k"),
        lambda rng: dict(pos=normal(rng, 3), charge=1.3, k=8.9),
    ),
    Case("walrus.py", "cdf", ("x", "mu", "s"), lambda rng: dict(x=0.4, mu=0.1, s=1.2)),
    Case(
        "chained_assignment.py",
        "chain",
        ("x", "k"),
        lambda rng: dict(x=normal(rng, 4), k=0.5),
    ),
    Case(
        "starred.py",
        "horner",
        ("coeffs", "t"),
        lambda rng: dict(coeffs=normal(rng, 4), t=0.6),
    ),
    Case(
        "swap_tuple.py",
        "rotate",
        ("x", "y", "theta"),
        lambda rng: dict(x=1.2, y=-0.3, theta=0.5),
    ),
    Case("nested_unpacking.py", "mix", ("a", "b"), lambda rng: dict(a=1.5, b=0.3)),
    Case(
        "module_constants.py",
        "planck",
        ("lam", "T"),
        lambda rng: dict(lam=positive(rng, 4), T=1.8),
    ),
    Case(
        "asserts_and_prints.py",
        "checked",
        ("x", "w"),
        lambda rng: dict(x=normal(rng, 3, 4), w=normal(rng, 4)),
    ),
    Case("debug_print.py", "noisy", ("x",), lambda rng: dict(x=0.3)),
    Case("semivariance.py", "spread", ("r",), lambda rng: dict(r=normal(rng, 6))),
    Case(
        "pendulum_energy.py",
        "energy",
        ("theta", "omega", "m", "l"),
        lambda rng: dict(theta=0.7, omega=-1.1, m=1.3, l=0.8, g=9.81),
    ),
    Case(
        "double_pendulum.py",
        "accelerations",
        ("t1", "t2", "w1", "w2"),
        lambda rng: dict(t1=0.7, t2=-0.4, w1=0.3, w2=1.1),
    ),
    Case("rk4_step.py", "rk4", ("y", "h", "k"), lambda rng: dict(y=0.8, h=0.1, k=1.4)),
    Case(
        "leapfrog.py",
        "leapfrog",
        ("q", "p", "dt"),
        lambda rng: dict(q=normal(rng, 5), p=normal(rng, 5), dt=0.1),
    ),
    Case(
        "lennard_jones_pair.py",
        "lj",
        ("r1", "r2", "eps", "sigma"),
        lambda rng: dict(
            r1=normal(rng, 3), r2=2 + positive(rng, 3), eps=1.2, sigma=0.9
        ),
    ),
    Case(
        "lennard_jones_all.py",
        "potential",
        ("pos", "sigma"),
        lambda rng: dict(pos=3 * normal(rng, 4, 3), sigma=1.1),
    ),
    Case(
        "distance_matrix.py",
        "distances",
        ("X", "Y"),
        lambda rng: dict(X=normal(rng, 4, 3), Y=normal(rng, 5, 3)),
    ),
    Case(
        "rbf_kernel.py",
        "gp_kernel",
        ("X", "lengthscale", "variance"),
        lambda rng: dict(
            X=normal(rng, 4, 2), lengthscale=positive(rng, 2), variance=1.4
        ),
    ),
    Case(
        "gp_likelihood.py",
        "nll",
        ("y", "log_ell", "log_noise"),
        lambda rng: dict(
            y=normal(rng, 5), log_ell=0.1, log_noise=-1.0, X=normal(rng, 5)
        ),
    ),
    Case(
        "gp_cholesky.py",
        "lml",
        ("K", "y"),
        lambda rng: dict(K=spd(rng, 4), y=normal(rng, 4)),
    ),
    Case(
        "gaussian_logpdf.py",
        "logpdf",
        ("x", "mu", "sigma"),
        lambda rng: dict(x=normal(rng, 5), mu=0.3, sigma=1.2),
    ),
    Case(
        "student_t.py",
        "student_t_nll",
        ("x", "loc", "scale", "df"),
        lambda rng: dict(x=normal(rng, 5), loc=0.3, scale=1.2, df=4.5),
    ),
    Case(
        "beta_binomial.py",
        "loglik",
        ("a", "b"),
        lambda rng: dict(a=1.5, b=2.5, k=np.array([1, 3, 2]), n=np.array([4, 5, 5])),
    ),
    Case(
        "poisson_glm.py",
        "deviance",
        ("beta",),
        lambda rng: dict(
            beta=0.3 * normal(rng, 3),
            X=normal(rng, 6, 3),
            y=np.array([1, 0, 2, 3, 1, 1]),
        ),
    ),
    Case(
        "logistic_hessian_free.py",
        "nll",
        ("w", "X"),
        lambda rng: dict(
            w=normal(rng, 3),
            X=normal(rng, 5, 3),
            y=np.array([1.0, 0, 1, 1, 0]),
            lam=0.1,
        ),
    ),
    Case(
        "mixture_logsumexp.py",
        "mixture",
        ("x", "mu", "log_pi", "log_s"),
        lambda rng: dict(
            x=normal(rng, 5),
            mu=normal(rng, 3),
            log_pi=normal(rng, 3),
            log_s=0.3 * normal(rng, 3),
        ),
    ),
    Case("hand_logsumexp.py", "lse", ("x",), lambda rng: dict(x=4 * normal(rng, 3, 4))),
    Case(
        "correlation.py",
        "pearson",
        ("x", "y"),
        lambda rng: dict(x=normal(rng, 7), y=normal(rng, 7)),
    ),
    Case(
        "covariance.py",
        "total_correlation",
        ("X",),
        lambda rng: dict(X=normal(rng, 8, 3)),
        or_refused=True,
    ),
    Case("skewness.py", "moments", ("x",), lambda rng: dict(x=normal(rng, 9))),
    Case(
        "weighted_variance.py",
        "wvar",
        ("x", "w"),
        lambda rng: dict(x=normal(rng, 6), w=positive(rng, 6)),
        or_refused=True,
    ),
    Case("autocovariance.py", "lag_one", ("x",), lambda rng: dict(x=normal(rng, 9))),
    Case(
        "trapezoid_rule.py",
        "integrate",
        ("y", "x"),
        lambda rng: dict(y=normal(rng, 7), x=np.cumsum(positive(rng, 7))),
    ),
    Case(
        "finite_differences.py",
        "burgers_residual",
        ("u", "nu", "dx", "dt"),
        lambda rng: dict(u=normal(rng, 8), nu=0.3, dx=0.5, dt=0.1),
    ),
    Case(
        "laplacian2d.py",
        "heat_step",
        ("u", "alpha"),
        lambda rng: dict(u=normal(rng, 4, 5), alpha=0.2),
    ),
    Case(
        "upwind_inplace.py",
        "advect",
        ("c", "v"),
        lambda rng: dict(c=normal(rng, 6), v=0.4),
    ),
    Case(
        "black76_vega.py",
        "price",
        ("F", "K", "sigma", "T", "r"),
        lambda rng: dict(F=1.1, K=1.0, sigma=0.3, T=1.5, r=0.02),
    ),
    Case(
        "annuity.py",
        "present_value",
        ("cash", "rate"),
        lambda rng: dict(cash=positive(rng, 5), rate=0.07),
    ),
    Case(
        "portfolio.py",
        "sharpe",
        ("w", "mu", "Sigma", "rf"),
        lambda rng: dict(
            w=positive(rng, 3), mu=normal(rng, 3), Sigma=spd(rng, 3), rf=0.01
        ),
    ),
    Case(
        "bond_duration.py",
        "bond",
        ("y", "c", "face"),
        lambda rng: dict(y=0.05, c=0.04, face=1.0),
    ),
    Case(
        "vasicek.py",
        "zero_coupon",
        ("r", "kappa", "theta", "sigma", "tau"),
        lambda rng: dict(r=0.03, kappa=0.8, theta=0.05, sigma=0.1, tau=2.0),
    ),
    Case(
        "rodrigues.py",
        "rotate_vector",
        ("v", "k", "theta"),
        lambda rng: dict(v=normal(rng, 3), k=normal(rng, 3), theta=0.7),
    ),
    Case(
        "triangle_area.py",
        "area",
        ("a", "b", "c"),
        lambda rng: dict(a=normal(rng, 3), b=normal(rng, 3), c=normal(rng, 3)),
    ),
    Case("heron.py", "heron", ("a", "b", "c"), lambda rng: dict(a=3.0, b=4.0, c=4.5)),
    Case(
        "shoelace.py", "polygon_area", ("xy",), lambda rng: dict(xy=normal(rng, 6, 2))
    ),
    Case(
        "quaternion.py",
        "quat_rotate",
        ("q", "v"),
        lambda rng: dict(q=normal(rng, 4), v=normal(rng, 3)),
    ),
    Case(
        "euler_matrix.py",
        "rotz_apply",
        ("alpha", "p"),
        lambda rng: dict(alpha=0.4, p=normal(rng, 2, 5)),
    ),
    Case("robot_arm.py", "end_effector", ("q",), lambda rng: dict(q=normal(rng, 3))),
    Case(
        "pinhole.py",
        "reprojection_error",
        ("X", "f", "t"),
        lambda rng: dict(
            X=normal(rng, 4, 3) + np.array([0, 0, 6.0]),
            f=1.3,
            t=0.1 * normal(rng, 3),
            uv=normal(rng, 4, 2),
        ),
    ),
    Case(
        "spherical.py",
        "to_spherical",
        ("x", "y", "z"),
        lambda rng: dict(x=1.0, y=-0.5, z=0.8),
    ),
    Case(
        "hypot_atan2_arrays.py",
        "polar",
        ("x", "y"),
        lambda rng: dict(x=normal(rng, 4), y=normal(rng, 4)),
    ),
    Case(
        "ridge_inverse.py",
        "ridge",
        ("X", "y", "lam"),
        lambda rng: dict(X=normal(rng, 6, 3), y=normal(rng, 6), lam=0.5),
    ),
    Case(
        "least_squares_residual.py",
        "rss",
        ("X", "y"),
        lambda rng: dict(X=normal(rng, 6, 3), y=normal(rng, 6)),
    ),
    Case(
        "mahalanobis.py",
        "mahalanobis",
        ("x", "mu", "cov"),
        lambda rng: dict(x=normal(rng, 3), mu=normal(rng, 3), cov=spd(rng, 3)),
    ),
    Case(
        "mvn_logpdf.py",
        "mvn",
        ("X", "mu", "cov"),
        lambda rng: dict(X=normal(rng, 4, 3), mu=normal(rng, 3), cov=spd(rng, 3)),
    ),
    Case(
        "kl_gaussians.py",
        "kl",
        ("m0", "S0", "m1", "S1"),
        lambda rng: dict(
            m0=normal(rng, 3), S0=spd(rng, 3), m1=normal(rng, 3), S1=spd(rng, 3)
        ),
    ),
    Case(
        "rayleigh.py",
        "rayleigh",
        ("A", "x"),
        lambda rng: dict(A=normal(rng, 4, 4), x=normal(rng, 4)),
    ),
    Case(
        "power_iteration_step.py",
        "two_steps",
        ("A", "v"),
        lambda rng: dict(A=normal(rng, 3, 3), v=normal(rng, 3)),
    ),
    Case(
        "frobenius_orthogonality.py",
        "penalty",
        ("W",),
        lambda rng: dict(W=normal(rng, 4, 3)),
    ),
    Case(
        "low_rank.py",
        "loss",
        ("U", "V"),
        lambda rng: dict(
            U=normal(rng, 4, 2),
            V=normal(rng, 3, 2),
            M=normal(rng, 4, 3),
            mask=np.array([[1, 0, 1], [1, 1, 0], [0, 1, 1], [1, 1, 1]]),
        ),
    ),
    Case(
        "batched_matmul.py",
        "bilinear",
        ("x", "W", "y"),
        lambda rng: dict(
            x=normal(rng, 4, 3), W=normal(rng, 2, 3, 5), y=normal(rng, 4, 5)
        ),
    ),
    Case(
        "tensordot_contract.py",
        "contract",
        ("A", "B"),
        lambda rng: dict(A=normal(rng, 2, 3, 4), B=normal(rng, 3, 4, 5)),
    ),
    Case(
        "kron_sum.py",
        "kronsum",
        ("A", "B"),
        lambda rng: dict(A=normal(rng, 2, 2), B=normal(rng, 3, 3)),
    ),
    Case(
        "outer_update.py",
        "rank_one",
        ("A", "u", "v"),
        lambda rng: dict(A=normal(rng, 3, 4), u=normal(rng, 3), v=normal(rng, 4)),
    ),
    Case(
        "stack_features.py",
        "features",
        ("x", "y"),
        lambda rng: dict(x=normal(rng, 5), y=normal(rng, 5)),
    ),
    Case(
        "concatenate_split.py",
        "mix",
        ("a", "b", "c"),
        lambda rng: dict(a=normal(rng, 2, 3), b=normal(rng, 4, 3), c=normal(rng, 6, 1)),
    ),
    Case(
        "pad_window.py",
        "smooth",
        ("x", "w"),
        lambda rng: dict(x=normal(rng, 6), w=normal(rng, 3)),
    ),
    Case(
        "convolve_filter.py",
        "filtered",
        ("x", "h"),
        lambda rng: dict(x=normal(rng, 8), h=normal(rng, 3)),
        or_refused=True,
    ),
    Case("flip_and_stride.py", "fold", ("x",), lambda rng: dict(x=normal(rng, 8))),
    Case(
        "fancy_rows.py",
        "gather",
        ("W", "b"),
        lambda rng: dict(
            W=normal(rng, 5, 3), b=normal(rng, 3), idx=np.array([0, 2, 2, 4])
        ),
    ),
    Case(
        "boolean_mask.py",
        "masked_mean",
        ("x", "w"),
        lambda rng: dict(x=away_from_zero(rng, 7), w=normal(rng, 7)),
    ),
    Case(
        "mask_store.py",
        "leaky",
        ("x", "alpha"),
        lambda rng: dict(x=away_from_zero(rng, 4, 3), alpha=0.1),
    ),
    Case(
        "ellipsis_newaxis.py",
        "blend",
        ("img", "w"),
        lambda rng: dict(img=normal(rng, 2, 3, 4), w=normal(rng, 3)),
    ),
    Case(
        "inplace_diagonal.py",
        "with_diag",
        ("A", "d"),
        lambda rng: dict(A=normal(rng, 4, 4), d=normal(rng, 4)),
    ),
    Case("jacobian_rosenbrock.py", "rosen", ("x",), lambda rng: dict(x=normal(rng, 5))),
    Case(
        "himmelblau.py", "himmelblau", ("p",), lambda rng: dict(p=np.array([1.0, 2.0]))
    ),
    Case("ackley.py", "ackley", ("x",), lambda rng: dict(x=normal(rng, 3))),
    Case("alias_then_write.py", "f", ("x",), lambda rng: dict(x=normal(rng, 4))),
    Case(
        "view_write_through.py",
        "f",
        ("A",),
        lambda rng: dict(A=normal(rng, 3, 3)),
        or_refused=True,
    ),
    Case(
        "diagonal_view_write.py",
        "f",
        ("A", "s"),
        lambda rng: dict(A=normal(rng, 3, 3), s=0.6),
        or_refused=True,
    ),
    Case(
        "transpose_view_write.py",
        "f",
        ("A", "v"),
        lambda rng: dict(A=normal(rng, 3, 4), v=normal(rng, 3)),
        or_refused=True,
    ),
    Case(
        "overwrite_needed_value.py",
        "f",
        ("x", "w"),
        lambda rng: dict(x=normal(rng, 4), w=normal(rng, 4)),
    ),
    Case(
        "augmented_chain.py", "f", ("x", "a"), lambda rng: dict(x=normal(rng, 3), a=0.4)
    ),
    Case(
        "integer_inputs.py", "f", ("x", "n"), lambda rng: dict(x=normal(rng, 3), n=2.0)
    ),
    Case("constant_array.py", "f", ("x",), lambda rng: dict(x=normal(rng, 3))),
    Case(
        "full_like_path.py", "f", ("a", "x"), lambda rng: dict(a=0.7, x=normal(rng, 4))
    ),
    Case("float_item.py", "f", ("x",), lambda rng: dict(x=normal(rng, 3))),
    Case("max_tie_free.py", "f", ("x",), lambda rng: dict(x=normal(rng, 3, 4))),
    Case("sort_median.py", "trimmed", ("x",), lambda rng: dict(x=normal(rng, 7))),
    Case(
        "clip_and_sign.py",
        "f",
        ("x", "lo", "hi"),
        lambda rng: dict(x=np.array([-2.0, -0.3, 0.4, 1.9]), lo=-1.0, hi=1.0),
    ),
    Case(
        "where_nested.py",
        "smooth_l1",
        ("x", "beta"),
        lambda rng: dict(x=np.array([-2.0, -0.3, 0.4, 1.9]), beta=1.0),
    ),
    Case(
        "boolean_factor.py",
        "f",
        ("t", "x", "w"),
        lambda rng: dict(
            t=np.array([0.5, -0.2, 1.0]), x=normal(rng, 3), w=normal(rng, 3)
        ),
    ),
    Case("power_forms.py", "f", ("x", "y"), lambda rng: dict(x=1.3, y=0.7)),
    Case("precedence.py", "f", ("a", "b", "c"), lambda rng: dict(a=1.3, b=0.7, c=-0.4)),
    Case(
        "division_kinds.py",
        "f",
        ("x", "y"),
        lambda rng: dict(x=7.3, y=2.1),
        or_refused=True,
    ),
    Case(
        "math_zoo.py",
        "f",
        ("x", "y"),
        lambda rng: dict(x=0.4, y=1.7),
        needs=("scipy",),  # the digamma function, for math.gamma
    ),
    Case("numpy_zoo.py", "f", ("x",), lambda rng: dict(x=positive(rng, 4))),
    Case("reductions_zoo.py", "f", ("x",), lambda rng: dict(x=positive(rng, 3, 4))),
    Case("shape_zoo.py", "f", ("x",), lambda rng: dict(x=normal(rng, 2, 3, 4))),
    Case(
        "ravel_reshape.py",
        "f",
        ("x", "w"),
        lambda rng: dict(x=normal(rng, 2, 3, 2), w=normal(rng, 6, 3)),
    ),
    Case(
        "several_outputs_mixed.py",
        "f",
        ("x", "w"),
        lambda rng: dict(x=normal(rng, 4), w=normal(rng, 4)),
    ),
    Case(
        "output_is_input.py",
        "f",
        ("x", "y"),
        lambda rng: dict(x=normal(rng, 3), y=normal(rng, 3)),
    ),
    Case(
        "output_unused_param.py",
        "f",
        ("x", "unused"),
        lambda rng: dict(x=normal(rng, 3), unused=normal(rng, 2)),
    ),
    Case("tuple_of_same.py", "f", ("x",), lambda rng: dict(x=1.4)),
    Case(
        "private_names.py",
        "f",
        ("_x", "__y", "x_"),
        lambda rng: dict(_x=1.4, __y=0.3, x_=0.2),
    ),
    Case(
        "unicode_names.py",
        "posterior",
        ("μ", "σ", "Δx"),
        lambda rng: dict(μ=0.4, σ=1.3, Δx=normal(rng, 3)),
    ),
    Case(
        "helper_kwargs.py",
        "f",
        ("x", "w"),
        lambda rng: dict(x=normal(rng, 4), w=normal(rng, 4)),
    ),
    Case(
        "helper_rebinds.py",
        "f",
        ("x", "y"),
        lambda rng: dict(x=normal(rng, 4), y=normal(rng, 4)),
    ),
    Case(
        "helper_mutates.py",
        "f",
        ("x", "v"),
        lambda rng: dict(x=normal(rng, 4), v=normal(rng, 4)),
        or_refused=True,
    ),
    Case(
        "helper_calls_helper.py",
        "elu_net",
        ("x", "W"),
        lambda rng: dict(x=normal(rng, 3, 4), W=normal(rng, 4, 2)),
    ),
    Case("local_lambda.py", "f", ("x", "k"), lambda rng: dict(x=normal(rng, 3), k=0.6)),
    Case("nested_def.py", "f", ("x", "k"), lambda rng: dict(x=normal(rng, 3), k=0.6)),
    Case(
        "operator_functions.py",
        "f",
        ("x", "y"),
        lambda rng: dict(x=normal(rng, 3), y=positive(rng, 3)),
    ),
    Case(
        "list_of_arrays.py",
        "f",
        ("x", "y"),
        lambda rng: dict(x=normal(rng, 3), y=normal(rng, 3)),
    ),
    Case("dtype_and_like.py", "f", ("x",), lambda rng: dict(x=normal(rng, 2, 3))),
    Case(
        "old_style_mean.py",
        "msd",
        ("a", "b"),
        lambda rng: dict(a=normal(rng, 4, 3), b=normal(rng, 4, 3)),
    ),
    Case(
        "log_softmax_gather.py",
        "nll",
        ("logits", "temp"),
        lambda rng: dict(
            logits=normal(rng, 4, 3), temp=1.7, targets=np.array([0, 2, 1, 1])
        ),
    ),
    Case(
        "take_along.py",
        "picked",
        ("x",),
        lambda rng: dict(x=normal(rng, 4, 3), idx=np.array([[0], [2], [1], [1]])),
    ),
    Case(
        "margin_ranking.py",
        "triplet",
        ("a", "p", "n"),
        lambda rng: dict(a=normal(rng, 3, 4), p=normal(rng, 3, 4), n=normal(rng, 3, 4)),
    ),
    Case(
        "cosine_similarity.py",
        "cosine",
        ("a", "b"),
        lambda rng: dict(a=normal(rng, 4, 3), b=normal(rng, 4, 3)),
    ),
    Case(
        "focal_loss.py",
        "focal",
        ("x", "gamma"),
        lambda rng: dict(x=normal(rng, 5), y=np.array([1.0, 0, 1, 1, 0]), gamma=2.0),
    ),
    Case(
        "gelu.py",
        "gelu_mlp",
        ("x", "W1", "W2"),
        lambda rng: dict(
            x=normal(rng, 3, 4), W1=normal(rng, 4, 5), W2=normal(rng, 5, 2)
        ),
    ),
    Case(
        "adam_step.py",
        "adam",
        ("w", "g", "m", "v", "lr"),
        lambda rng: dict(
            w=normal(rng, 4),
            g=normal(rng, 4),
            m=normal(rng, 4),
            v=positive(rng, 4),
            lr=0.1,
            t=3,
        ),
    ),
    Case(
        "batchnorm_test_mode.py",
        "bn",
        ("x", "gamma", "beta", "running_mean", "running_var"),
        lambda rng: dict(
            x=normal(rng, 4, 3),
            gamma=normal(rng, 3),
            beta=normal(rng, 3),
            running_mean=normal(rng, 3),
            running_var=positive(rng, 3),
        ),
    ),
    Case(
        "ising_energy.py",
        "energy",
        ("s", "J", "h"),
        lambda rng: dict(s=normal(rng, 4, 4), J=0.7, h=0.2),
    ),
    Case(
        "partition_function.py",
        "free_energy",
        ("E", "T"),
        lambda rng: dict(E=normal(rng, 5), T=1.3),
    ),
    Case(
        "michaelis_menten.py",
        "rate",
        ("S", "Vmax", "Km", "n"),
        lambda rng: dict(S=positive(rng, 4), Vmax=2.0, Km=0.7, n=1.8),
    ),
    Case(
        "interpolate_table.py",
        "lookup",
        ("fp", "x"),
        lambda rng: dict(
            fp=normal(rng, 5), x=np.array([0.3, 1.6, 3.7]), xp=np.arange(5.0)
        ),
    ),
    Case("svd_lowrank.py", "nuclear", ("A",), lambda rng: dict(A=normal(rng, 4, 3))),
    Case("eigen_gap.py", "gap", ("A",), lambda rng: dict(A=normal(rng, 4, 4))),
    Case("rebind_and_index.py", "f", ("x",), lambda rng: dict(x=normal(rng, 4))),
    Case("normalize_then_pick.py", "f", ("x",), lambda rng: dict(x=normal(rng, 4))),
    Case("sum_and_element.py", "f", ("x",), lambda rng: dict(x=normal(rng, 4))),
    Case(
        "sum_and_element_unknown.py", "f", ("x",), lambda rng: dict(x=normal(rng, 3, 4))
    ),
    Case("list_index_repeats.py", "f", ("x",), lambda rng: dict(x=normal(rng, 4))),
    Case(
        "list_index_columns.py",
        "f",
        ("x",),
        lambda rng: dict(x=normal(rng, 3, 4), j=np.array([0, 0, 1])),
    ),
    Case(
        "store_repeated.py",
        "f",
        ("x", "w"),
        lambda rng: dict(x=normal(rng, 4), w=normal(rng, 2), i=np.array([1, 1])),
        or_refused=True,
    ),
    Case(
        "add_repeated.py",
        "f",
        ("x",),
        lambda rng: dict(x=normal(rng, 4), i=np.array([1, 1])),
        or_refused=True,
    ),
    Case(
        "add_at_repeated.py",
        "f",
        ("x", "w"),
        lambda rng: dict(x=normal(rng, 4), w=normal(rng, 3), i=np.array([1, 1, 0])),
        or_refused=True,
    ),
    Case(
        "fill_method.py",
        "f",
        ("x",),
        lambda rng: dict(x=normal(rng, 4)),
        or_refused=True,
    ),
    Case(
        "out_argument.py",
        "f",
        ("x",),
        lambda rng: dict(x=positive(rng, 4)),
        or_refused=True,
    ),
    Case(
        "parameter_named_as_function.py",
        "f",
        ("x", "g", "f"),
        lambda rng: dict(x=0.3, g=1.7, f=0.2),
    ),
    Case("helper_names_taken.py", "f", ("x",), lambda rng: dict(x=normal(rng, 4))),
    Case("walrus_rebinds.py", "f", ("x",), lambda rng: dict(x=0.3)),
    Case("walrus_in_assert.py", "f", ("x",), lambda rng: dict(x=0.3), or_refused=True),
    Case("digamma_backward.py", "f", ("x",), lambda rng: dict(x=positive(rng, 4))),
    Case("covariance_by_hand.py", "cov", ("X",), lambda rng: dict(X=normal(rng, 6, 3))),
    Case("length_in_slices.py", "f", ("x",), lambda rng: dict(x=normal(rng, 3, 4))),
    Case("literal_for_name.py", "f", ("X",), lambda rng: dict(X=normal(rng, 3, 2))),
    Case("split_at_indices.py", "f", ("x",), lambda rng: dict(x=normal(rng, 4, 6))),
    Case(
        "norms_of_vectors.py", "f", ("x",), lambda rng: dict(x=away_from_zero(rng, 4))
    ),
    Case(
        "default_beside_array.py",
        "smooth",
        ("old", "new"),
        lambda rng: dict(old=normal(rng, 3), new=normal(rng, 3)),
    ),
    Case(
        "default_scale_sum.py",
        "loss",
        ("x", "scale"),
        lambda rng: dict(x=normal(rng, 3, 2), scale=1.4),
    ),
    Case(
        "default_temperature.py",
        "tempered",
        ("x", "T"),
        lambda rng: dict(x=normal(rng, 5), T=1.4),
    ),
    Case(
        "no_import_arrays.py",
        "line",
        ("a", "b", "x"),
        lambda rng: dict(a=0.4, b=normal(rng, 3), x=normal(rng, 3)),
    ),
    Case(
        "shape_option.py",
        "line",
        ("a", "b", "x"),
        lambda rng: dict(a=0.4, b=normal(rng, 3), x=normal(rng, 2, 3)),
        shapes=("a=", "b=M", "x=N,M"),
    ),
    Case(
        "jaxtyping_style.py",
        "affine",
        ("x", "W", "b"),
        lambda rng: dict(x=normal(rng, 2, 3), W=normal(rng, 3, 4), b=normal(rng, 4)),
    ),
    Case(
        "google_docstring.py",
        "hinge",
        ("w", "X", "b"),
        lambda rng: dict(
            w=normal(rng, 3),
            X=normal(rng, 5, 3),
            b=0.2,
            y=np.array([1.0, -1, 1, 1, -1]),
        ),
    ),
    Case(
        "comments_everywhere.py",
        "f",
        ("x", "w"),
        lambda rng: dict(x=normal(rng, 3, 4), w=normal(rng, 4)),
    ),
    Case("shared_subexpression.py", "f", ("x", "y"), lambda rng: dict(x=0.7, y=1.9)),
    Case("unused_lines.py", "f", ("x",), lambda rng: dict(x=normal(rng, 3))),
    Case(
        "very_long_line.py",
        "f",
        ("a", "b", "c", "d"),
        lambda rng: dict(a=0.3, b=0.4, c=0.5, d=0.6),
    ),
    Case(
        "swapaxes_keys.py",
        "scores",
        ("Q", "K"),
        lambda rng: dict(Q=normal(rng, 2, 5, 4), K=normal(rng, 2, 3, 4)),
    ),
    Case("indent_of_lambda.py", "f", ("x",), lambda rng: dict(x=normal(rng, 3))),
    Case(
        "views_of_arrays.py",
        "rows",
        ("M",),
        lambda rng: dict(M=rng.uniform(0.5, 1.5, (4, 3))),
    ),
    Case(
        "views_of_arrays.py",
        "rows_i",
        ("M",),
        lambda rng: dict(M=rng.uniform(0.5, 1.5, (4, 3))),
    ),
    Case(
        "views_of_arrays.py",
        "view",
        ("x",),
        lambda rng: dict(x=rng.uniform(0.5, 1.5, (4,))),
    ),
    Case(
        "views_of_arrays.py",
        "chained",
        ("A",),
        lambda rng: dict(A=rng.uniform(0.5, 1.5, (4, 3))),
    ),
    Case(
        "views_of_arrays.py",
        "trans",
        ("A",),
        lambda rng: dict(A=rng.uniform(0.5, 1.5, (4, 3))),
    ),
    Case(
        "views_of_arrays.py",
        "loopview",
        ("x",),
        lambda rng: dict(x=rng.uniform(0.5, 1.5, (4,)), n=3),
    ),
    Case(
        "views_of_arrays.py",
        "branchview",
        ("x",),
        lambda rng: dict(x=rng.uniform(0.5, 1.5, (4,)), t=3),
    ),
    Case(
        "views_of_arrays.py",
        "twon",
        ("a", "b"),
        lambda rng: dict(a=rng.uniform(0.5, 1.5, (4,)), b=rng.uniform(0.5, 1.5, (4,))),
    ),
    Case(
        "views_of_arrays.py",
        "reshaped",
        ("x",),
        lambda rng: dict(x=rng.uniform(0.5, 1.5, (4,))),
    ),
    Case(
        "views_of_arrays.py",
        "whilev",
        ("x",),
        lambda rng: dict(x=rng.uniform(0.5, 1.5, (4,))),
    ),
    Case(
        "stores_into_arrays.py",
        "minus1",
        ("S",),
        lambda rng: dict(S=rng.uniform(0.5, 1.5, (4, 3)), y=np.array([0, 2, 1, 1])),
    ),
    Case(
        "stores_into_arrays.py",
        "masks",
        ("x",),
        lambda rng: dict(x=rng.uniform(0.5, 1.5, (4,))),
    ),
    Case(
        "stores_into_arrays.py",
        "outs",
        ("x", "b"),
        lambda rng: dict(x=rng.uniform(0.5, 1.5, (4,)), b=rng.uniform(0.5, 1.5, (4,))),
    ),
    Case(
        "stores_into_arrays.py",
        "outs2",
        ("A", "W"),
        lambda rng: dict(
            A=rng.uniform(0.5, 1.5, (4, 3)), W=rng.uniform(0.5, 1.5, (3, 4))
        ),
    ),
    Case(
        "stores_into_arrays.py",
        "swaps",
        ("x",),
        lambda rng: dict(x=rng.uniform(0.5, 1.5, (4,))),
    ),
    Case(
        "stores_into_arrays.py",
        "ats",
        ("x",),
        lambda rng: dict(x=rng.uniform(0.5, 1.5, (4,))),
    ),
    Case(
        "stores_into_arrays.py",
        "fills",
        ("A", "x"),
        lambda rng: dict(
            A=rng.uniform(0.5, 1.5, (4, 3)), x=rng.uniform(0.5, 1.5, (3,))
        ),
    ),
    Case(
        "stores_into_arrays.py",
        "sorts",
        ("A", "x"),
        lambda rng: dict(
            A=rng.uniform(0.5, 1.5, (4, 3)), x=rng.uniform(0.5, 1.5, (4,))
        ),
    ),
    Case(
        "stores_into_arrays.py",
        "chained",
        ("A",),
        lambda rng: dict(A=rng.uniform(0.5, 1.5, (4, 3))),
    ),
    Case(
        "stores_into_arrays.py",
        "ranked",
        ("x",),
        lambda rng: dict(x=rng.uniform(0.5, 1.5, (4,))),
    ),
    Case(
        "stores_into_arrays.py",
        "tri",
        ("x",),
        lambda rng: dict(x=rng.uniform(0.5, 1.5, (4,))),
    ),
    Case(
        "stores_into_arrays.py",
        "alongs",
        ("A",),
        lambda rng: dict(A=rng.uniform(0.5, 1.5, (4, 3))),
    ),
    Case(
        "stores_into_arrays.py",
        "ints",
        ("x",),
        lambda rng: dict(x=rng.uniform(0.5, 1.5, (4,))),
    ),
    Case(
        "stores_into_arrays.py",
        "bcast",
        ("A", "x"),
        lambda rng: dict(
            A=rng.uniform(0.5, 1.5, (4, 3)), x=rng.uniform(0.5, 1.5, (3,))
        ),
    ),
    Case(
        "stores_in_loops.py",
        "rowswap",
        ("A",),
        lambda rng: dict(A=rng.uniform(0.5, 1.5, (4, 3))),
    ),
    Case(
        "stores_in_loops.py",
        "rowswap2",
        ("A",),
        lambda rng: dict(A=rng.uniform(0.5, 1.5, (4, 3))),
    ),
    Case(
        "stores_in_loops.py",
        "seidel",
        ("b",),
        lambda rng: dict(b=rng.uniform(0.5, 1.5, (4,)), n=3),
    ),
    Case(
        "stores_in_loops.py",
        "lu",
        ("A",),
        lambda rng: dict(A=rng.uniform(0.5, 1.5, (4, 3))),
    ),
    Case(
        "stores_in_loops.py",
        "dp",
        ("C",),
        lambda rng: dict(C=rng.uniform(0.5, 1.5, (4, 3))),
    ),
    Case(
        "stores_in_loops.py",
        "cums",
        ("x",),
        lambda rng: dict(x=rng.uniform(0.5, 1.5, (4,))),
    ),
    Case(
        "stores_in_loops.py",
        "newold",
        ("x",),
        lambda rng: dict(x=rng.uniform(0.5, 1.5, (4,)), n=3),
    ),
    Case(
        "stores_in_loops.py",
        "aliasing_old",
        ("x",),
        lambda rng: dict(x=rng.uniform(0.5, 1.5, (4,)), n=3),
    ),
    Case(
        "stores_in_loops.py",
        "double",
        ("x",),
        lambda rng: dict(x=rng.uniform(0.5, 1.5, (4,)), n=3),
    ),
    Case(
        "stores_in_loops.py",
        "double_zero",
        ("x",),
        lambda rng: dict(x=rng.uniform(0.5, 1.5, (4,)), n=3),
    ),
    Case(
        "stores_in_loops.py",
        "rowsum",
        ("M",),
        lambda rng: dict(M=rng.uniform(0.5, 1.5, (4, 3))),
    ),
    Case(
        "stores_in_loops.py",
        "colsv",
        ("M",),
        lambda rng: dict(M=rng.uniform(0.5, 1.5, (4, 3))),
    ),
    Case(
        "stores_in_loops.py",
        "param",
        ("x",),
        lambda rng: dict(x=rng.uniform(0.5, 1.5, (4,)), n=3),
    ),
    Case(
        "stores_in_loops.py",
        "param2",
        ("x",),
        lambda rng: dict(x=rng.uniform(0.5, 1.5, (4,)), n=3),
    ),
    Case(
        "stores_in_loops.py",
        "breakv",
        ("x",),
        lambda rng: dict(x=rng.uniform(0.5, 1.5, (4,)), n=3),
    ),
    Case(
        "stores_in_loops.py",
        "mirror",
        ("A",),
        lambda rng: dict(A=rng.uniform(0.5, 1.5, (4, 3))),
    ),
    Case(
        "stores_in_loops.py",
        "gauss",
        ("A", "b"),
        lambda rng: dict(
            A=rng.uniform(0.5, 1.5, (4, 3)), b=rng.uniform(0.5, 1.5, (4,))
        ),
    ),
    Case("if_on_value.py", "f", ("x", "k"), lambda rng: dict(x=1.3, k=0.6)),
    Case("for_repeated.py", "f", ("x", "k"), lambda rng: dict(x=1.3, k=0.6)),
    Case("while_below.py", "f", ("x", "k"), lambda rng: dict(x=1.3, k=2.6)),
    Case("comprehension.py", "f", ("x",), lambda rng: dict(x=1.3, k=4)),
    Case(
        "dict_parameters.py",
        "loss",
        ("params", "x"),
        lambda rng: dict(
            params={"W": normal(rng, 3, 2), "b": normal(rng, 2)}, x=normal(rng, 4, 3)
        ),
    ),
    Case("star_args.py", "f", ("x", "y"), lambda rng: dict(x=1.3, y=0.6)),
    Case("recursion.py", "f", ("x",), lambda rng: dict(x=1.3, n=3)),
    Case("sort_in_place.py", "f", ("x",), lambda rng: dict(x=normal(rng, 4))),
    Case(
        "parameter_trees.py",
        "jax_mlp",
        ("params", "x"),
        lambda rng: dict(
            params=[
                {"w": normal(rng, 3, 4), "b": normal(rng, 4)},
                {"w": normal(rng, 4, 2), "b": normal(rng, 2)},
            ],
            x=normal(rng, 5, 3),
        ),
    ),
    Case(
        "parameter_trees.py",
        "tuple_params",
        ("params", "x"),
        lambda rng: dict(
            params=(
                normal(rng, 3, 4),
                normal(rng, 4),
                normal(rng, 4, 2),
                normal(rng, 2),
            ),
            x=normal(rng, 5, 3),
        ),
    ),
    Case(
        "parameter_trees.py",
        "weights_list",
        ("Ws", "x"),
        lambda rng: dict(
            Ws=[normal(rng, 3, 4), normal(rng, 4, 2)], x=normal(rng, 5, 3)
        ),
    ),
    Case(
        "parameter_trees.py",
        "weights_list",
        ("Ws", "x"),
        lambda rng: dict(Ws=normal(rng, 2, 3, 3), x=normal(rng, 5, 3)),
    ),
    Case(
        "parameter_trees.py",
        "indexed",
        ("Ws", "bs", "x"),
        lambda rng: dict(
            Ws=[normal(rng, 3, 4), normal(rng, 4, 2)],
            bs=[normal(rng, 4), normal(rng, 2)],
            x=normal(rng, 5, 3),
        ),
    ),
    Case(
        "parameter_trees.py",
        "l2",
        ("params", "lam"),
        lambda rng: dict(params={"W": normal(rng, 2, 3), "b": normal(rng, 3)}, lam=0.3),
    ),
    Case(
        "parameter_trees.py",
        "l2keys",
        ("params", "lam"),
        lambda rng: dict(params={"W": normal(rng, 2, 3), "b": normal(rng, 3)}, lam=0.3),
    ),
    Case(
        "parameter_trees.py",
        "andrew",
        ("params", "X"),
        lambda rng: dict(
            params={
                "W1": normal(rng, 4, 3),
                "b1": normal(rng, 4, 1),
                "W2": normal(rng, 1, 4),
                "b2": normal(rng, 1, 1),
            },
            X=normal(rng, 3, 5),
            L=2,
        ),
    ),
    Case(
        "parameter_trees.py",
        "cache_dict",
        ("params", "x"),
        lambda rng: dict(
            params={
                "W1": normal(rng, 4, 3),
                "W2": normal(rng, 3, 2),
                "u": normal(rng, 2),
            },
            x=normal(rng, 5, 4),
        ),
    ),
    Case(
        "parameter_trees.py",
        "sgd",
        ("w", "xs", "ys", "lr"),
        lambda rng: dict(
            w=normal(rng, 3), xs=normal(rng, 4, 3), ys=normal(rng, 4), lr=0.1
        ),
    ),
    Case(
        "parameter_trees.py",
        "nested_params",
        ("p", "x"),
        lambda rng: dict(
            p={
                "attn": {"q": normal(rng, 3, 2), "k": normal(rng, 3, 2)},
                "mlp": [
                    (normal(rng, 3, 4), normal(rng, 4)),
                    (normal(rng, 4, 2), normal(rng, 2)),
                ],
            },
            x=normal(rng, 5, 3),
        ),
    ),
    Case("parameter_trees.py", "hinge", ("ws",), lambda rng: dict(ws=[0.3, 1.7, -0.4])),
    Case(
        "parameter_trees.py",
        "hinge",
        ("ws",),
        lambda rng: dict(ws=np.array([0.3, 1.7, -0.4])),
    ),
    Case(
        "parameter_trees.py",
        "poly",
        ("coeffs", "x"),
        lambda rng: dict(coeffs=[0.3, 1.7, -0.4], x=0.7),
    ),
    Case(
        "parameter_trees.py",
        "horner",
        ("coeffs", "x"),
        lambda rng: dict(coeffs=[0.3, 1.7, -0.4], x=0.7),
    ),
    Case(
        "parameter_trees.py",
        "horner",
        ("coeffs", "x"),
        lambda rng: dict(coeffs=normal(rng, 3), x=normal(rng, 4)),
    ),
    Case(
        "parameter_trees.py",
        "centroid",
        ("points",),
        lambda rng: dict(points=[(0.3, 1.7), (-0.4, 0.2)]),
    ),
    Case(
        "parameter_trees.py",
        "centroid",
        ("points",),
        lambda rng: dict(points=normal(rng, 3, 2)),
    ),
    Case(
        "parameter_trees.py",
        "dist",
        ("points", "w"),
        lambda rng: dict(points=normal(rng, 4, 2), w=normal(rng, 4)),
    ),
    Case(
        "parameter_trees.py",
        "dist",
        ("points", "w"),
        lambda rng: dict(points=[normal(rng, 2) for _ in range(3)], w=[0.2, 0.5, 0.9]),
    ),
    Case(
        "parameter_trees.py",
        "heads",
        ("x", "Wq"),
        lambda rng: dict(
            x=normal(rng, 4, 3), Wq=[normal(rng, 3, 2), normal(rng, 3, 3)]
        ),
    ),
    Case(
        "parameter_trees.py",
        "unused",
        ("params", "x"),
        lambda rng: dict(
            params={"W": normal(rng, 3, 2), "b": normal(rng, 2)}, x=normal(rng, 4, 3)
        ),
    ),
    Case(
        "parameter_trees.py",
        "spread",
        ("params", "x"),
        lambda rng: dict(
            params={"scale": normal(rng, 3), "shift": 0.3}, x=normal(rng, 4, 3)
        ),
    ),
    Case(
        "parameter_trees.py",
        "rollout",
        ("s", "A"),
        lambda rng: dict(s=normal(rng, 3), A=normal(rng, 3, 3), n=3),
    ),
    Case(
        "parameter_trees.py",
        "momentum",
        ("params", "grads", "lr"),
        lambda rng: dict(
            params={"a": normal(rng, 3), "b": normal(rng, 2, 2)},
            grads={"a": normal(rng, 3), "b": normal(rng, 2, 2)},
            lr=0.2,
        ),
    ),
    Case(
        "distributions.py",
        "mixture",
        ("x", "w", "m", "s"),
        lambda rng: dict(
            x=normal(rng, 4), w=positive(rng, 2), m=normal(rng, 2), s=positive(rng, 2)
        ),
        needs=("scipy",),
    ),
    Case(
        "distributions.py",
        "censored",
        ("t", "shape", "scale"),
        lambda rng: dict(
            t=positive(rng, 3), seen=np.array([1, 0, 1]), shape=1.7, scale=0.9
        ),
        needs=("scipy",),
    ),
    Case(
        "distributions.py",
        "probit",
        ("X", "b"),
        lambda rng: dict(
            X=normal(rng, 4, 2), b=normal(rng, 2), y=np.array([0, 1, 1, 0])
        ),
        needs=("scipy",),
    ),
    Case(
        "distributions.py",
        "in_the_tails",
        ("x", "m"),
        lambda rng: dict(x=normal(rng, 3), m=0.3),
        needs=("scipy",),
    ),
    Case(
        "distributions.py",
        "counts",
        ("X", "b"),
        lambda rng: dict(
            X=normal(rng, 4, 2), b=normal(rng, 2), y=np.array([0, 3, 1, 2])
        ),
        needs=("scipy",),
    ),
    Case(
        "distributions.py",
        "up_to",
        ("mu",),
        lambda rng: dict(k=np.array([0, 2, 5]), mu=positive(rng, 3)),
        needs=("scipy",),
    ),
    Case(
        "distributions.py",
        "robust",
        ("x", "df", "m", "s"),
        lambda rng: dict(x=away_from_zero(rng, 4), df=3.5, m=0.2, s=1.3),
        needs=("scipy",),
    ),
    Case(
        "distributions.py",
        "off_the_support",
        ("x", "s"),
        lambda rng: dict(x=np.array([-0.7, 0.4, 3.1]), s=1.2),
        needs=("scipy",),
    ),
    Case(
        "distributions.py",
        "at_the_edge",
        ("s",),
        lambda rng: dict(x=np.array([0.0, 0.4]), s=1.2),
        needs=("scipy",),
    ),
    Case(
        "distributions.py",
        "at_risk",
        ("q", "m", "s"),
        lambda rng: dict(q=rng.uniform(0.1, 0.9, 3), m=0.2, s=1.3),
        needs=("scipy",),
    ),
    Case(
        "distributions.py",
        "cloud",
        ("x", "m", "L"),
        lambda rng: dict(x=normal(rng, 4, 3), m=normal(rng, 3), L=normal(rng, 3, 3)),
        needs=("scipy",),
    ),
    Case(
        "distributions.py",
        "shares",
        ("v", "alpha"),
        lambda rng: dict(v=positive(rng, 3), alpha=positive(rng, 3)),
        needs=("scipy",),
    ),
    Case(
        "distributions.py",
        "votes",
        ("v",),
        lambda rng: dict(x=np.array([1, 0, 5]), v=normal(rng, 3)),
        needs=("scipy",),
    ),
    Case(
        "distributions.py",
        "moments",
        ("x",),
        lambda rng: dict(x=positive(rng, 5, 2)),
        needs=("scipy",),
    ),
    Case(
        "distributions.py",
        "alike",
        ("x", "y"),
        lambda rng: dict(x=positive(rng, 4), y=positive(rng, 4)),
        needs=("scipy",),
    ),
    Case(
        "special_functions.py",
        "pendulum",
        ("t", "k"),
        lambda rng: dict(t=normal(rng, 3), k=0.4),
        needs=("scipy",),
    ),
    Case(
        "special_functions.py",
        "turns",
        ("phi", "m"),
        lambda rng: dict(phi=np.array([-5.1, 0.0, 0.7]), m=np.array([[0.0], [0.8]])),
        needs=("scipy",),
    ),
    Case(
        "special_functions.py",
        "edge_of_a_shadow",
        ("x",),
        lambda rng: dict(x=normal(rng, 3)),
        needs=("scipy",),
    ),
    Case(
        "special_functions.py",
        "waves",
        ("x",),
        lambda rng: dict(x=normal(rng, 3)),
        needs=("scipy",),
    ),
    Case(
        "special_functions.py",
        "series",
        ("x", "c"),
        lambda rng: dict(x=rng.uniform(-1, 1, 3), c=normal(rng, 4)),
        needs=("scipy",),
    ),
    Case(
        "special_functions.py",
        "all_orders",
        ("x",),
        lambda rng: dict(x=positive(rng, 4)),
        needs=("scipy",),
    ),
    Case(
        "special_functions.py",
        "transformed",
        ("x", "lam"),
        lambda rng: dict(x=positive(rng, 3), lam=0.0),
        needs=("scipy",),
    ),
    Case(
        "special_functions.py",
        "gaps",
        ("n", "k"),
        lambda rng: dict(n=np.array([3.4, 5.0]), k=1.6),
        needs=("scipy",),
    ),
]

REFUSALS = [
    Refusal("refuse_kind.py", "f", "FG120", "one thing or another", 5),
    Refusal("refuse_lambda_recursion.py", "f", "FG112", "calls itself", 2),
    Refusal("refuse_generator_helper.py", "f", "FG104", "generators", 4),
    Refusal("refuse_conditional.py", "f", "FG118", "need not be evaluated", 2),
    Refusal("refuse_with.py", "f", "FG105", "a with block", 5),
    Refusal("refuse_try.py", "f", "FG105", "try statement", 5),
    Refusal("refuse_tensorflow.py", "f", "FG114", "tensorflow", 4),
    Refusal("refuse_no_return.py", "f", "FG102", "returns nothing", 4),
    Refusal("refuse_generator.py", "f", "FG104", "generators", 2),
    Refusal("refuse_unknown_function.py", "f", "FG201", "voigt_profile", 5),
    Refusal("refuse_string.py", "f", "FG103", "constant", 2),
    Refusal("refuse_undefined.py", "f", "FG109", "weight", 2),
    Refusal("refuse_contradiction.py", "f", "FG301", "contradict", 6),
    Refusal("shadowed_constant.py", "f", "FG117", "A is a variable of f", 8),
    Refusal("shadowed_by_local.py", "f", "FG117", "RATE is a variable of f", 8),
    Refusal("helper_reads_import.py", "f", "FG117", "sin means one thing", 4),
]
