using CsCheck;
using k8s.Models;
using Kaji.Client;
using Kaji.Controllers.EndpointSlices;
using static Kaji.Controllers.Tests.Objects;

namespace Kaji.Controllers.Tests.EndpointSlices;

public sealed class SlicePlanTests
{
    [Theory]
    [InlineData(true, false, false, true, true, false)]
    [InlineData(false, false, false, false, false, false)]
    [InlineData(true, true, false, false, true, true)]
    [InlineData(false, false, true, true, false, false)]
    [InlineData(true, true, true, true, true, true)]
    public void Conditions_OfAPod(bool isReady, bool isTerminating, bool publish, bool ready, bool serving, bool terminating)
    {
        var pod = Pod("p1", ready: isReady);
        pod.Metadata.DeletionTimestamp = isTerminating ? Now.UtcDateTime : null;
        var endpoint = Assert.Single(Assert.Single(EndpointPlan.Of(Service(publishNotReady: publish), [pod])).Endpoints);
        Assert.Equal((ready, serving, terminating), (endpoint.Conditions.Ready, endpoint.Conditions.Serving, endpoint.Conditions.Terminating));
        Assert.Equal(("10.0.0.1", "n1", "Pod", "p1", "uid-p1"), (endpoint.Addresses[0], endpoint.NodeName, endpoint.TargetRef.Kind, endpoint.TargetRef.Name, endpoint.TargetRef.Uid));
    }

    [Fact]
    public void Of_PodsWithoutAddressOrEnded_AreNotEndpoints()
    {
        var young = Pod("p1");
        young.Status.PodIP = null;
        Assert.Empty(EndpointPlan.Of(Service(), [young, Pod("p2", phase: "Succeeded")]));
    }

    [Fact]
    public void Of_NamedPort_IsEachPodsOwn()
    {
        var other = Pod("p2");
        other.Spec.Containers[0].Ports[0].ContainerPort = 9090;
        var groups = EndpointPlan.Of(Service(targetPort: "http"), [Pod("p1"), other, Pod("p3")]);
        Assert.Equal(["8080: 10.0.0.1 10.0.0.3", "9090: 10.0.0.2"], groups.Select(g => $"{g.Ports[0].Port}: {string.Join(' ', g.Endpoints.Select(e => e.Addresses[0]))}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Headless_WithoutPorts_HasEndpointsAndTheLabel()
    {
        var service = Service(headless: true, targetPort: null);
        var slice = Assert.Single(SlicePlan.Of(service, [], EndpointPlan.Of(service, [Pod("p1")])).Create);
        Assert.Single(slice.Endpoints);
        Assert.Equal("", slice.Metadata.Labels["service.kubernetes.io/headless"]);
        Assert.Equal(("web", "endpointslice-controller.k8s.io", "front"), (slice.Metadata.Labels["kubernetes.io/service-name"], slice.Metadata.Labels["endpointslice.kubernetes.io/managed-by"], slice.Metadata.Labels["tier"]));
        Assert.Equal(("Service", "uid-svc", true), (slice.Metadata.OwnerReferences[0].Kind, slice.Metadata.OwnerReferences[0].Uid, slice.Metadata.OwnerReferences[0].Controller));
    }

    [Fact]
    public void NoPods_OneEmptySlice_WhichTheFirstPodThenFills()
    {
        var service = Service();
        var empty = Assert.Single(Applied([], SlicePlan.Of(service, [], [])));
        Assert.Empty(empty.Endpoints);
        var plan = SlicePlan.Of(service, [empty], EndpointPlan.Of(service, [Pod("p1")]));
        Assert.Empty(plan.Create);
        Assert.Empty(plan.Delete);
        Assert.Equal(empty.Metadata.Name, Assert.Single(plan.Update).Metadata.Name);
    }

    [Fact]
    public void SliceOfAnEarlierServiceOfTheName_Goes()
    {
        var service = Service();
        var stale = Applied([], SlicePlan.Of(service, [], []));
        service.Metadata.Uid = "uid-next";
        var plan = SlicePlan.Of(service, stale, []);
        Assert.Single(plan.Delete);
        Assert.Single(plan.Create);
    }

    [Fact]
    public void OnePodChanges_OneSliceIsWritten()
    {
        var service = Service();
        var pods = Enumerable.Range(0, 250).Select(i => Numbered(i)).ToArray();
        var slices = Applied([], SlicePlan.Of(service, [], EndpointPlan.Of(service, pods)));
        Assert.Equal([100, 100, 50], slices.Select(s => s.Endpoints.Count).OrderDescending());

        pods[3].Status.Conditions[0].Status = "False";
        var plan = SlicePlan.Of(service, slices, EndpointPlan.Of(service, pods));
        Assert.Equal((0, 1, 0), (plan.Create.Count, plan.Update.Count, plan.Delete.Count));
        var gone = SlicePlan.Of(service, slices, EndpointPlan.Of(service, pods[1..]));
        Assert.Equal((0, 1, 0), (gone.Create.Count, gone.Update.Count(u => u.Endpoints.Count != 100 || !u.Endpoints.Any(e => e.TargetRef.Name == "p3")), gone.Delete.Count));
    }

    [Fact]
    public void Plan_WhateverWasThere_HoldsEachEndpointOnce_AndThenRests() => Gen.Select(Gen.Int[0, 350].HashSet[0, 350], Gen.Int[0, 350].HashSet[0, 350], Gen.Bool).Sample(
        (before, after, otherPort) =>
        {
            var service = Service();
            var slices = Applied([], SlicePlan.Of(service, [], EndpointPlan.Of(service, before.Select(Numbered))));
            service.Spec.Ports[0].TargetPort = otherPort ? "9999" : "8080";
            var groups = EndpointPlan.Of(service, after.Select(Numbered));
            slices = Applied(slices, SlicePlan.Of(service, slices, groups));

            Assert.Equal(after.Select(i => $"uid-p{i}").Order(StringComparer.Ordinal), slices.SelectMany(s => s.Endpoints).Select(e => e.TargetRef.Uid).Order(StringComparer.Ordinal));
            Assert.All(slices, s => Assert.InRange(s.Endpoints.Count, after.Count == 0 ? 0 : 1, SlicePlan.PerSlice));
            var rest = SlicePlan.Of(service, slices, groups);
            Assert.Equal((0, 0, 0), (rest.Create.Count, rest.Update.Count, rest.Delete.Count));
        },
        iter: 60);

    [Fact]
    public void Legacy_ReadyAndNot_WithoutThoseThatEnd()
    {
        var ending = Pod("p3");
        ending.Metadata.DeletionTimestamp = Now.UtcDateTime;
        var service = Service();
        var endpoints = LegacyEndpoints.Of(service, EndpointPlan.Of(service, [Pod("p1"), Pod("p2", ready: false), ending]));
        var subset = Assert.Single(endpoints.Subsets);
        Assert.Equal(("10.0.0.1", "10.0.0.2"), (Assert.Single(subset.Addresses).Ip, Assert.Single(subset.NotReadyAddresses).Ip));
        Assert.Equal(("http", 8080), (subset.Ports[0].Name, subset.Ports[0].Port));
        Assert.True(LegacyEndpoints.Same(endpoints, ModelJson.Clone(endpoints)));
    }

    private static V1Pod Numbered(int i)
    {
        var pod = Pod("p" + i);
        pod.Status.PodIP = $"10.1.{i / 250}.{i % 250}";
        return pod;
    }

    private static List<V1EndpointSlice> Applied(IEnumerable<V1EndpointSlice> present, SlicePlan plan)
    {
        var after = present.ToDictionary(s => s.Metadata.Name, StringComparer.Ordinal);
        foreach (var slice in plan.Update)
        {
            after[slice.Metadata.Name] = slice;
        }

        foreach (var slice in plan.Create)
        {
            slice.Metadata.Name = $"web-{after.Count}-{Guid.NewGuid():N}";
            after[slice.Metadata.Name] = slice;
        }

        foreach (var slice in plan.Delete)
        {
            after.Remove(slice.Metadata.Name);
        }

        return [.. after.Values];
    }
}
