"""The library implicit as oracle: the same solution by other ways, and lists as good."""

import numpy as np
import pytest
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares
from implicit.cpu.bpr import BayesianPersonalizedRanking
from threadpoolctl import threadpool_limits

from palate.core.config import Config
from palate.core.ids import IdMap
from palate.core.rng import generator
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.interactions import Interactions
from palate.data.split import split
from palate.evaluation import evaluate
from palate.interfaces import Queries
from palate.models import ALS, BPR, Model, Popularity

pytestmark = pytest.mark.xdist_group("models_factors_oracle")

USERS, ITEMS, KINDS, LIKES, DIM = 1000, 250, 8, 15, 6


class Theirs(Model[Config]):
    """A fitted model of implicit, scored by its exported factors."""

    name = "implicit"
    config_type = Config

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def _fit(self, train, valid, run):
        with threadpool_limits(1, "blas"):
            self.inner.fit(sp.csr_matrix(train.liked), show_progress=False)
        self.warm = np.bincount(train.liked.indices, minlength=len(train.items)) > 0

    def score(self, queries, items=None):
        scores = self.inner.user_factors[queries.user] @ self.inner.item_factors.T
        scores[:, ~self.warm] = np.nan
        return scores if items is None else scores[:, items]


@pytest.fixture(scope="module")
def world():
    """People of mixed tastes over kinds of things, some things better known than others."""
    rng = np.random.default_rng(0)
    taste = rng.dirichlet(np.full(KINDS, 0.3), USERS)
    kind = rng.integers(KINDS, size=ITEMS)
    fame = rng.lognormal(sigma=0.7, size=ITEMS)
    chance = taste[:, kind] * fame
    user = np.repeat(np.arange(USERS, dtype=np.int32), LIKES)
    item = np.concatenate([rng.choice(ITEMS, LIKES, replace=False, p=row / row.sum()) for row in chance + 1e-6])
    ids = IdMap(f"i{n}" for n in range(ITEMS))
    log = Interactions(user, item.astype(np.int32), np.ones(len(user), np.float32))
    return split(Dataset(IdMap(f"u{n}" for n in range(USERS)), ids, log, bare_catalogue(ids)))


def figures(model, world):
    found = evaluate(model.fit(world.train), world, k=20, metrics=("recall", "ndcg"), resamples=1).metrics
    return found["recall@20"], found["ndcg@20"]


def their_als(**settings):
    with threadpool_limits(1, "blas"):  # it warns of threads that would fight
        return AlternatingLeastSquares(num_threads=2, random_state=0, **settings)


@pytest.fixture(scope="module")
def both(world):
    """ALS of ours, and theirs solved exactly from the same start; their confidence of a like is alpha, ours 1 + alpha."""
    start = generator(0, "als").normal(scale=1 / np.sqrt(DIM), size=(ITEMS, DIM))
    start[np.bincount(world.train.liked.indices, minlength=ITEMS) == 0] = 0
    inner = their_als(factors=DIM, iterations=8, regularization=5.0, alpha=10.0, use_cg=False)
    inner.item_factors = start.astype(np.float32)
    with threadpool_limits(1, "blas"):
        return ALS(dim=DIM, epochs=8, reg=5.0, alpha=9.0).fit(world.train), Theirs(inner).fit(world.train).inner


def test_als_from_the_same_start_gives_the_same_scores(world, both):
    ours, theirs = both
    likes = sp.csr_matrix(world.train.liked)
    expected = theirs.recalculate_user(np.arange(USERS), likes) @ theirs.item_factors.T
    scores = ours.score(Queries.of_users(world.train, np.arange(USERS, dtype=np.int32)))
    known = ~np.isnan(scores)
    assert known.any(axis=0).sum() == (np.diff(world.train.liked.tocsc().indptr) > 0).sum()
    assert np.allclose(scores[known], expected[known], atol=1e-3)
    assert expected[known].std() > 0.1


def test_als_explains_as_theirs_does(world, both):
    ours, theirs = both
    item = int(world.train.liked[[8]].indices[0])
    total, best, _ = theirs.explain(7, sp.csr_matrix(world.train.liked), item, N=50)
    found = ours.explain(Queries.of_users(world.train, np.array([7], np.int32)), item)
    assert found.score == pytest.approx(total, abs=1e-3)
    assert found.history == pytest.approx(dict(best), abs=1e-3)


def test_als_ranks_as_well(world):
    ours = figures(ALS(dim=16, epochs=10, reg=3.0, alpha=4.0), world)
    inner = their_als(factors=16, iterations=10, regularization=3.0, alpha=5.0)
    theirs = figures(Theirs(inner), world)
    assert ours == pytest.approx(theirs, abs=0.03)
    assert ours > figures(Popularity(), world)


def test_bpr_ranks_as_well(world):
    ours = figures(BPR(dim=16, epochs=100, lr=0.05, reg=0.02), world)
    inner = BayesianPersonalizedRanking(
        factors=16, iterations=100, learning_rate=0.05, regularization=0.02, num_threads=1, random_state=0
    )
    theirs = figures(Theirs(inner), world)
    assert ours[0] > theirs[0] - 0.02
    assert ours[1] > theirs[1] - 0.02
    assert ours > figures(Popularity(), world)
