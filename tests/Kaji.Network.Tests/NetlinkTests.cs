using System.Net;
using Kaji.Linux.Netlink;
using Kaji.Linux.Nftables;

namespace Kaji.Network.Tests;

[Collection("host")]
public sealed class NetlinkTests
{
    [Fact]
    public void Links_CreateChangeMoveRename_AreSeenInTheirNamespaces()
    {
        using var pod = new PodThread();
        using var routes = new RouteClient();
        using var inside = RouteClient.OpenIn(pod.NetnsPath);
        var bridge = routes.CreateBridge("brtest", [2, 1, 2, 3, 4, 5], 1400);
        try
        {
            routes.CreateVeth(new VethSpec { Name = "vtest0", PeerName = "vtest1", Master = bridge, Mtu = 1400 });
            var host = routes.FindLink("vtest0")!;
            Assert.Equal((bridge, 1400, true, "veth"), (host.Master, host.Mtu, host.IsUp, host.Kind));
            Assert.Equal("02:01:02:03:04:05", routes.FindLink("brtest")!.Mac);

            var peer = routes.FindLink("vtest1")!;
            using (var netns = NetworkNamespace.Open(pod.NetnsPath))
            {
                routes.MoveToNamespace(peer.Index, netns);
            }

            Assert.Null(routes.FindLink("vtest1"));
            var moved = inside.FindLink("vtest1")!;
            inside.Rename(moved.Index, "eth7");
            inside.SetMtu(moved.Index, 1300);
            inside.SetMac(moved.Index, [2, 9, 9, 9, 9, 9]);
            inside.SetUp(moved.Index);
            Assert.True(inside.AddAddress(moved.Index, IPAddress.Parse("10.9.0.2"), 24));
            Assert.False(inside.AddAddress(moved.Index, IPAddress.Parse("10.9.0.2"), 24));
            inside.SetRoute(IPNetwork.Parse("0.0.0.0/0"), moved.Index, IPAddress.Parse("10.9.0.1"));
            var link = inside.FindLink("eth7")!;
            Assert.Equal((1300, "02:09:09:09:09:09", true), (link.Mtu, link.Mac, link.IsUp));
            Assert.Contains(inside.ListAddresses(), a => a.Address.ToString() == "10.9.0.2" && a.PrefixLength == 24);
            Assert.Contains(inside.ListRoutes(), r => r.Destination.PrefixLength == 0 && r.Gateway!.ToString() == "10.9.0.1");
            Assert.True(inside.DeleteAddress(moved.Index, IPAddress.Parse("10.9.0.2"), 24));
            Assert.False(inside.DeleteAddress(moved.Index, IPAddress.Parse("10.9.0.2"), 24));
        }
        finally
        {
            Assert.True(routes.DeleteLink("vtest0"));
            Assert.True(routes.DeleteLink("brtest"));
        }

        Assert.False(routes.DeleteLink("brtest"));
        Assert.DoesNotContain(inside.ListLinks(), l => l.Name == "eth7");
    }

    [Fact]
    public void Refusals_SayWhatAndWhy()
    {
        using var routes = new RouteClient();
        var error = Assert.Throws<NetlinkException>(() => routes.SetRoute(IPNetwork.Parse("10.77.0.0/16"), 1, IPAddress.Parse("10.99.0.1")));
        Assert.Contains("add route 10.77.0.0/16", error.Message);
        using var nft = new NftablesContext();
        Assert.Contains("syntax error", Assert.Throws<NftablesException>(() => nft.Run("add rubbish\n")).Message);
    }

    [Fact]
    public void Nftables_ScriptIsAllOrNothing()
    {
        using var nft = new NftablesContext();
        Assert.Throws<NftablesException>(() => nft.Run("add table ip kaji_half\nadd rule ip kaji_half missing accept\n"));
        Assert.DoesNotContain("kaji_half", nft.Run("list tables\n"));
    }
}
