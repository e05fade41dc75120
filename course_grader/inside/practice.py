"""What submissions do, done beforehand.

The first call of many a function takes milliseconds: it looks for what it needs, and in a forked process it
copies the memory that it changes. So that passes before a submission's turn. Nothing that a notebook could
notice changes, and no thread begins.
"""

import io

import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from course_grader.inside import session
from course_grader.inside.shell import make_shell


def practise() -> None:
    """Run a cell, and the commonest calls of torch under the settings of a test.

    For the server, and again for each of its processes: nearly every submission does this.
    """
    make_shell().run_cell("pass", store_history=False)
    with session.usual_settings()():
        torch.manual_seed(torch.initial_seed())
        X = torch.arange(6.0, requires_grad=True).reshape(2, 3)
        repr(X)
        (X @ X.T).pow(2).mean(0).sum()
        F.conv2d(X[None, None], X[None, None])


def practise_more() -> None:
    """Train a net, save it, and read and write a table, for the server alone: only some chapters do this."""
    state = torch.get_rng_state()
    net = nn.Sequential(nn.Conv2d(1, 2, 2), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    X, y = torch.arange(36.0).reshape(4, 1, 3, 3) / 36, torch.tensor([0, 1, 2, 0])
    for optimizer in (torch.optim.SGD(net.parameters(), 0.1), torch.optim.Adam(net.parameters())):
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 2)
        for inputs, labels in DataLoader(TensorDataset(X, y), batch_size=2, shuffle=True):
            optimizer.zero_grad()
            F.cross_entropy(net(inputs), labels).backward()
            optimizer.step()
        schedule.step()
    file = io.BytesIO()
    torch.save(net.state_dict(), file)
    file.seek(0)
    net.load_state_dict(torch.load(file))
    table = pd.read_csv(io.StringIO("a,b\n1,x\n2,\n,y\n"))
    wide = pd.get_dummies(table, dummy_na=True)
    pd.concat([wide, (wide - wide.mean()) / wide.std()]).fillna(0).to_csv(index=False)
    torch.set_rng_state(state)
