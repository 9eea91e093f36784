"""The problems that the generic tests run."""

from __future__ import annotations

QUADRATIC = "quadratic:dim=12,mu=0.2,L=2,heterogeneity=1"
DIFFERENT = QUADRATIC + ",hessians=different"
NOISY = QUADRATIC + ",noise=gaussian,sigma_sq=0.5"
PROX = "least-squares:rows=60,dim=12,reg=0.1,l1=0.05,l2prox=0.1"
"""Small problems on which methods are compared with their pseudo-code, and engines with each other."""

CASES = [
    ("quadratic", 1),
    ("quadratic:heterogeneity=2,noise=gaussian", 8),
    ("quadratic:dim=7,heterogeneity=1,hessians=scaled,rotate=1,spectrum=linear", 3),
    ("quadratic:dim=7,heterogeneity=1,hessians=different", 3),
    ("quadratic:dim=7,hessians=different,rotate=1,spectrum=two", 4),
    ("quadratic:dim=6,mu=0,spectrum=linear,heterogeneity=1", 3),
    ("quadratic:dim=1,noise=rademacher,sigma_sq=0.5", 2),
    ("quadratic:heterogeneity=1,hessians=different,l1=0.05,l2prox=0.1", 4),
    ("least-squares:rows=50,dim=9,split=sorted,batch=2", 7),
    ("least-squares:rows=50,dim=9,reg=0.3,l1=0.1", 7),
    ("least-squares:rows=12,dim=20,reg=0", 5),
    ("least-squares:rows=40,dim=5,homogeneous=1,batch=1", 4),
    ("logistic:rows=60,dim=6,reg=0.05,split=sorted,batch=1", 7),
    ("logistic:rows=60,dim=6,l1=0.02", 7),
    ("logistic:data=breast_cancer,batch=4", 5),
    ("logistic-nonconvex:rows=60,dim=6,lam=0.3,batch=2", 7),
    ("robust:rows=60,dim=6,batch=1,split=sorted", 7),
    ("robust:rows=60,dim=6,homogeneous=1,noise=uniform", 3),
    ("robust:rows=60,dim=6,target_noise=1", 3),
    ("huber:rows=60,dim=6,batch=1,split=sorted", 7),
    ("huber:rows=60,dim=6,homogeneous=1,noise=uniform", 3),
    ("huber:rows=60,dim=6,target_noise=1", 3),
    ("pl:dim=3,noise=gaussian,sigma_sq=2", 4),
    ("sparse-least-squares:rows=60,dim=9,overlap=2,batch=1", 4),
    ("sparse-least-squares:rows=60,dim=8,overlap=1,target_noise=0", 5),
    ("three-quadratics:noise=gaussian", 3),
    ("three-quadratics:start=-2", 4),
]
"""(Text form, workers): all families, shares of unequal size, every source of heterogeneity and of noise."""
