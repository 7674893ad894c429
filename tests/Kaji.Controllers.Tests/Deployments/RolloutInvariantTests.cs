using CsCheck;
using k8s.Models;
using Kaji.Controllers.Deployments;

namespace Kaji.Controllers.Tests.Deployments;

/// <summary>
/// A Deployment and its sets as a model, driven by random steps: the Deployment reconciles, a set acts, its status arrives (late), a Pod becomes ready, the user changes the template.
/// </summary>
public sealed class RolloutInvariantTests
{
    private static readonly Gen<(int Replicas, int Surge, int Unavailable, int[] Steps)> Runs = Gen.Select(Gen.Int[1, 12], Gen.Int[0, 4], Gen.Int[0, 4], Gen.Int[0, 999].Array[20, 300]);

    [Fact]
    public void Rollout_StaysWithinSurgeAndAvailability_WhateverTheOrderOfEvents() => Runs.Sample(
        run =>
        {
            var world = new World(run.Replicas, run.Surge, run.Unavailable);
            foreach (var step in run.Steps)
            {
                world.Step(step);
                world.Check();
            }
        },
        iter: 3000);

    [Fact]
    public void Rollout_LeftAlone_Completes() => Runs.Sample(
        run =>
        {
            var world = new World(run.Replicas, run.Surge, run.Unavailable);
            foreach (var step in run.Steps)
            {
                world.Step(step);
            }

            world.Settle();
            Assert.True(world.IsDone, world.ToString());
        },
        iter: 500);

    [Fact]
    public void Resize_InTheMiddleOfARollout_NeverExceedsTheSurge_AndCompletes() => Gen.Select(Runs, Gen.Int[0, 20]).Sample(
        (run, replicas) =>
        {
            var world = new World(run.Replicas, run.Surge, run.Unavailable);
            foreach (var step in run.Steps)
            {
                world.Step(step);
            }

            world.Resize(replicas);
            world.Reconcile();
            world.CheckSurge();
            world.Settle();
            Assert.True(world.IsDone, world.ToString());
        },
        iter: 1000);

    /// <summary>Pods of a set: how many there are and how many are ready; and a status on its way.</summary>
    private sealed class Replica(V1ReplicaSet set)
    {
        public V1ReplicaSet Set { get; set; } = set;

        public int Pods { get; set; }

        public int Ready { get; set; }

        public V1ReplicaSetStatus? Coming { get; set; }
    }

    private sealed class World
    {
        private readonly List<Replica> _replicas = [];
        private readonly V1Deployment _deployment;

        public World(int replicas, int surge, int unavailable)
        {
            _deployment = Objects.Deployment(replicas, $"{surge}", $"{unavailable}");
            Settle();
        }

        public bool IsDone => _replicas.All(r => r.Set.Spec.Replicas == (TemplateHash.Same(r.Set.Spec.Template, _deployment.Spec.Template) ? _deployment.Spec.Replicas : 0) && r.Pods == r.Set.Spec.Replicas);

        public void Step(int random)
        {
            var (what, which) = (random % 10, random / 10);
            if (what == 0)
            {
                _deployment.Spec.Template = Objects.Template($"v{which % 4}");
            }
            else if (what <= 3)
            {
                Reconcile();
            }
            else if (_replicas.Count > 0)
            {
                var replica = _replicas[which % _replicas.Count];
                (what switch { <= 5 => (Action<Replica>)Act, <= 7 => Report, _ => BecomeReady })(replica);
            }
        }

        public void Resize(int replicas) => _deployment.Spec.Replicas = replicas;

        public void Settle()
        {
            for (var i = 0; i < 200; i++)
            {
                Reconcile();
                foreach (var replica in _replicas)
                {
                    Act(replica);
                    replica.Ready = replica.Pods;
                    Act(replica);
                    Report(replica);
                }
            }
        }

        public void Reconcile()
        {
            var sets = _replicas.Select(r => r.Set).ToArray();
            var newest = NewReplicaSet.Find(_deployment, sets);
            IReadOnlyList<(V1ReplicaSet Set, int Size)> plan;
            if (ScalePlan.IsResized(_deployment, sets))
            {
                plan = ScalePlan.Resize(_deployment, newest, sets);
            }
            else
            {
                if (newest is null)
                {
                    newest = NewReplicaSet.Make(_deployment, sets);
                    (newest.Metadata.Uid, newest.Metadata.Generation, newest.Metadata.CreationTimestamp) = (newest.Metadata.Name, 1, Objects.Now.UtcDateTime.AddSeconds(_replicas.Count));
                    _replicas.Add(new Replica(newest));
                }

                plan = ScalePlan.Rollout(_deployment, newest, [.. sets.Where(s => s.Metadata.Uid != newest.Metadata.Uid)], oldPodsLeft: false);
            }

            var wanted = _deployment.Spec.Replicas!.Value;
            foreach (var (set, size) in plan)
            {
                set.Metadata.Generation += set.Spec.Replicas == size ? 0 : 1;
                set.Spec.Replicas = size;
                set.Metadata.Annotations["deployment.kubernetes.io/desired-replicas"] = $"{wanted}";
                set.Metadata.Annotations["deployment.kubernetes.io/max-replicas"] = $"{wanted + RollingMath.Limits(_deployment).Surge}";
            }
        }

        public void Check()
        {
            CheckSurge();
            var (_, unavailable) = RollingMath.Limits(_deployment);
            Assert.True(_replicas.Sum(r => r.Ready) >= _deployment.Spec.Replicas - unavailable, $"too few available: {this}");
        }

        public void CheckSurge()
        {
            var (surge, _) = RollingMath.Limits(_deployment);
            Assert.True(_replicas.Sum(r => r.Set.Spec.Replicas ?? 0) <= _deployment.Spec.Replicas + surge, $"above the surge: {this}");
        }

        public override string ToString() =>
            $"{_deployment.Spec.Replicas} wanted, {RollingMath.Limits(_deployment)}: {string.Join("; ", _replicas.Select(r => $"{r.Set.Spec.Template.Spec.Containers[0].Image} size {r.Set.Spec.Replicas}, pods {r.Pods}, ready {r.Ready}"))}";

        /// <summary>A set makes and deletes Pods (those that are not ready first) and notes its status.</summary>
        private static void Act(Replica replica)
        {
            replica.Pods = replica.Set.Spec.Replicas ?? 0;
            replica.Ready = Math.Min(replica.Ready, replica.Pods);
            replica.Coming = new V1ReplicaSetStatus { Replicas = replica.Pods, ReadyReplicas = replica.Ready, AvailableReplicas = replica.Ready, ObservedGeneration = replica.Set.Metadata.Generation };
        }

        private static void Report(Replica replica) => replica.Set.Status = replica.Coming ?? replica.Set.Status;

        private static void BecomeReady(Replica replica) => replica.Ready = Math.Min(replica.Pods, replica.Ready + 1);
    }
}
